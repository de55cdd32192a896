"""The measurements, one module for each group of goals; each function takes the rig and adds to its figures."""
