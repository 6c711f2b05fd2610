cdef extern from "Python.h":
    void PyObject_GC_UnTrack(object)
