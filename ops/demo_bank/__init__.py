"""`obverse demo-bank`: a bank's transfers as its clients would have sent them, and the proof of what came out."""
