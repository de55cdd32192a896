"""Beside the flow: measures what each step costs on this machine, next to what the parts alone can do."""
