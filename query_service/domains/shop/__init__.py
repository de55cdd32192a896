"""The shop's answers: which view a query is answered from."""
