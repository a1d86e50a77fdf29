"""What golden runs tell of their approvals: when, why, in which environment, and how far from what was there before."""
