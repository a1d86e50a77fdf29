"""What a person sees: terminal, and the pictures of what differs."""
