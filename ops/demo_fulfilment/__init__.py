"""`obverse demo-fulfilment`: a day of a real shop, placed and fulfilled while its worker is killed, and the proof."""
