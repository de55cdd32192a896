"""What teams would build or pick instead, on the same servers and under the same load."""
