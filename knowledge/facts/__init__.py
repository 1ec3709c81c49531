"""Facts: who or what, which property, which value, since and until when, by whose word. Exact before semantic."""
