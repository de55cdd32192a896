"""`obverse demo`: a real shop's invoices as its clients would have sent them, and the proof of what came out."""
