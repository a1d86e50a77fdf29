"""Which node did it: probes make the values between nodes visible, and the first that differs is named."""
