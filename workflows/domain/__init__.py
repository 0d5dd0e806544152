"""What a call is and what is due for it: values and pure functions, nothing that touches the world."""
