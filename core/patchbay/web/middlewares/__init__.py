"""What wraps every request, as little as possible: see ``edge``."""
