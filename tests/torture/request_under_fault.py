"""placeholder"""
def request_under_fault(engine, broker, spec):
    raise NotImplementedError
