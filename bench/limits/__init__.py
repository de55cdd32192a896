"""What the parts can do alone on this machine: the measure that the product's figures are held against."""
