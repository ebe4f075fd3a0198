"""Everything a person or a program proves itself with: passwords, codes, tokens, keys, and how often one may guess.

Values in, values out: no HTTP and no store in here. Time and randomness are arguments, so that every rule can be played
through; what is to be kept is returned, always as a hash, and whoever holds the store commits it.
"""
