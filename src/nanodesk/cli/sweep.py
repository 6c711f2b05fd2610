"""sweep"""


def sweep(): ...
