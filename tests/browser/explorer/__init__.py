"""What customers see of outside access, and end: the stories of the explorer."""
