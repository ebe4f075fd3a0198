"""What a person may ask of us: everything that is known about them, that it be forgotten, that they be let alone."""
