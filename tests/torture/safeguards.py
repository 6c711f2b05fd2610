"""placeholder"""
def apply_mutant(name):
    raise NotImplementedError
