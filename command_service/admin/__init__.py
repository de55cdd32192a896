"""What an operator tells the command side to do, and asks it about its queues."""
