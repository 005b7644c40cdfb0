"""What people look at: terminal, JSON."""
