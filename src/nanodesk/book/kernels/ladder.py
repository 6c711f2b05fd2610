"""The price levels of one side of a book: found by price, walked from best to worst.

Levels lie in one array and keep their place while they live, so an order names its level by index. Neighbours are
links:
the next best level after a sweep is one load. A radix tree over the price, six bits a step, finds a level and, for
a new price,
its neighbour: each node holds a bitmap of 64 children, chains with a single child are skipped, so dense books are two
or three steps deep whatever their size, the deepest tree has eleven, and no insertion ever moves another level.
"""

import cython
from cython.cimports.libc.stdint import int64_t, uint32_t, uint64_t
from cython.cimports.libc.stdlib import free, malloc, realloc
from cython.cimports.libc.string import memset

_FIRST_LEVELS = cython.declare(uint32_t, 16)
_FIRST_NODES = cython.declare(uint32_t, 4)


def ladder_init(s: cython.pointer(Ladder), descending: cython.bint) -> cython.int:
    """Make an empty side; index 0 of levels and nodes means none. MemoryError if there is no memory."""
    memset(s, 0, cython.sizeof(Ladder))
    s.descending = descending
    s.levels = cython.cast(cython.pointer(Level), malloc(_FIRST_LEVELS * cython.sizeof(Level)))
    s.nodes = cython.cast(cython.pointer(Node), malloc(_FIRST_NODES * cython.sizeof(Node)))
    if s.levels == cython.NULL or s.nodes == cython.NULL:
        with cython.gil:
            raise MemoryError
    s.level_capacity = _FIRST_LEVELS
    s.node_capacity = _FIRST_NODES
    s.n_levels = 1
    s.n_nodes = 1
    return 0


def ladder_free(s: cython.pointer(Ladder)) -> cython.void:
    """Give the memory back."""
    free(s.levels)
    free(s.nodes)
    s.levels = cython.NULL
    s.nodes = cython.NULL


def ladder_find(s: cython.pointer(Ladder), price: int64_t) -> uint32_t:
    """Index of the level at ``price``, or 0."""
    key: uint64_t = cython.cast(uint64_t, price) ^ ND_SIGN
    n: uint32_t = s.root
    node: cython.pointer(Node)
    digit: uint32_t
    while n != 0:
        node = cython.address(s.nodes[n])
        if (key >> node.shift) >> 6 != node.prefix:
            return 0
        digit = (key >> node.shift) & 63
        if (node.bits >> digit) & 1 == 0:
            return 0
        n = node.child[digit]
        if node.shift == 0:
            return n
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _extreme(s: cython.pointer(Ladder), n: uint32_t, highest: cython.bint) -> uint32_t:
    """The highest or lowest level below node ``n``."""
    node: cython.pointer(Node)
    while True:
        node = cython.address(s.nodes[n])
        if highest:
            n = node.child[63 - __builtin_clzll(node.bits)]
        else:
            n = node.child[__builtin_ctzll(node.bits)]
        if node.shift == 0:
            return n


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _better_neighbour(s: cython.pointer(Ladder), key: uint64_t) -> uint32_t:
    """The nearest level that is better than ``key``, or 0."""
    n: uint32_t = s.root
    turn: uint32_t = 0
    turn_digit: uint32_t = 0
    node: cython.pointer(Node)
    digit: uint32_t
    prefix: uint64_t
    beside: uint64_t
    while n != 0:
        node = cython.address(s.nodes[n])
        prefix = (key >> node.shift) >> 6
        if prefix != node.prefix:
            if (node.prefix > prefix) == s.descending:
                return _extreme(s, n, not s.descending)
            break
        digit = (key >> node.shift) & 63
        if s.descending:
            beside = (node.bits >> digit) >> 1
            if beside != 0:
                turn = n
                turn_digit = digit + 1 + __builtin_ctzll(beside)
        else:
            beside = node.bits & ((cython.cast(uint64_t, 1) << digit) - 1)
            if beside != 0:
                turn = n
                turn_digit = 63 - __builtin_clzll(beside)
        if (node.bits >> digit) & 1 == 0 or node.shift == 0:
            break
        n = node.child[digit]
    if turn == 0:
        return 0
    node = cython.address(s.nodes[turn])
    n = node.child[turn_digit]
    if node.shift == 0:
        return n
    return _extreme(s, n, not s.descending)


@cython.cfunc
@cython.nogil
@cython.exceptval(-1, check=False)
def _reserve(s: cython.pointer(Ladder)) -> cython.int:
    """Room for one more level and two more nodes."""
    more: cython.pointer(cython.void)
    if s.free_level == 0 and s.n_levels == s.level_capacity:
        more = realloc(s.levels, cython.cast(cython.size_t, s.level_capacity) * 2 * cython.sizeof(Level))
        if more == cython.NULL:
            with cython.gil:
                raise MemoryError
        s.levels = cython.cast(cython.pointer(Level), more)
        s.level_capacity *= 2
    if s.n_nodes + 2 > s.node_capacity:
        more = realloc(s.nodes, cython.cast(cython.size_t, s.node_capacity) * 2 * cython.sizeof(Node))
        if more == cython.NULL:
            with cython.gil:
                raise MemoryError
        s.nodes = cython.cast(cython.pointer(Node), more)
        s.node_capacity *= 2
    return 0


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _new_node(s: cython.pointer(Ladder), key: uint64_t, shift: uint32_t) -> uint32_t:
    n: uint32_t = s.free_node
    node: cython.pointer(Node)
    if n != 0:
        s.free_node = s.nodes[n].child[0]
    else:
        n = s.n_nodes
        s.n_nodes += 1
    node = cython.address(s.nodes[n])
    node.prefix = (key >> shift) >> 6
    node.bits = 0
    node.shift = shift
    return n


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _hang(s: cython.pointer(Ladder), n: uint32_t, key: uint64_t, child: uint32_t) -> cython.void:
    node: cython.pointer(Node) = cython.address(s.nodes[n])
    digit: uint32_t = (key >> node.shift) & 63
    node.child[digit] = child
    node.bits |= cython.cast(uint64_t, 1) << digit


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _file(s: cython.pointer(Ladder), key: uint64_t, level: uint32_t) -> cython.void:
    """Enter a level that is not in the tree yet."""
    n: uint32_t = s.root
    parent: uint32_t = 0
    leaf: uint32_t
    fork: uint32_t
    node: cython.pointer(Node)
    digit: uint32_t
    other: uint64_t
    while n != 0:
        node = cython.address(s.nodes[n])
        if (key >> node.shift) >> 6 != node.prefix:
            break
        if node.shift == 0:
            _hang(s, n, key, level)
            return
        digit = (key >> node.shift) & 63
        parent = n
        if (node.bits >> digit) & 1 == 0:
            n = 0
            break
        n = node.child[digit]
    leaf = _new_node(s, key, 0)
    _hang(s, leaf, key, level)
    if n != 0:
        # The keys part between parent and n: a new node at the highest digit that differs.
        other = (s.nodes[n].prefix << s.nodes[n].shift) << 6
        fork = _new_node(s, key, cython.cast(uint32_t, (63 - __builtin_clzll(key ^ other)) // 6 * 6))
        _hang(s, fork, other, n)
        _hang(s, fork, key, leaf)
        leaf = fork
    if parent == 0:
        s.root = leaf
    else:
        _hang(s, parent, key, leaf)


@cython.cfunc
@cython.nogil
@cython.exceptval(check=False)
def _unfile(s: cython.pointer(Ladder), key: uint64_t) -> cython.void:
    """Take the level at ``key`` out of the tree, with the nodes that it leaves empty or with one child."""
    path: uint32_t[12]
    depth: cython.int = 0
    n: uint32_t = s.root
    child: uint32_t
    node: cython.pointer(Node)
    while True:
        node = cython.address(s.nodes[n])
        path[depth] = n
        if node.shift == 0:
            break
        depth += 1
        n = node.child[(key >> node.shift) & 63]
    node.bits &= ~(cython.cast(uint64_t, 1) << (key & 63))
    if node.bits != 0:
        return
    node.child[0] = s.free_node
    s.free_node = n
    if depth == 0:
        s.root = 0
        return
    n = path[depth - 1]
    node = cython.address(s.nodes[n])
    node.bits &= ~(cython.cast(uint64_t, 1) << ((key >> node.shift) & 63))
    if node.bits & (node.bits - 1) != 0:
        return
    child = node.child[__builtin_ctzll(node.bits)]
    node.child[0] = s.free_node
    s.free_node = n
    if depth == 1:
        s.root = child
    else:
        _hang(s, path[depth - 2], key, child)


def ladder_insert(s: cython.pointer(Ladder), price: int64_t) -> int64_t:
    """Index of a new, empty level at a price that has none. MemoryError if there is no memory."""
    key: uint64_t = cython.cast(uint64_t, price) ^ ND_SIGN
    index: uint32_t
    better: uint32_t = 0
    level: cython.pointer(Level)
    if (s.free_level == 0 and s.n_levels == s.level_capacity) or s.n_nodes + 2 > s.node_capacity:
        _reserve(s)
    index = s.free_level
    if index != 0:
        s.free_level = s.levels[index].worse
    else:
        index = s.n_levels
        s.n_levels += 1
    level = cython.address(s.levels[index])
    memset(level, 0, cython.sizeof(Level))
    level.price = price
    if s.best != 0 and (s.levels[s.best].price > price) == s.descending:
        better = _better_neighbour(s, key)
    level.better = better
    if better == 0:
        level.worse = s.best
        s.best = index
    else:
        level.worse = s.levels[better].worse
        s.levels[better].worse = index
    if level.worse != 0:
        s.levels[level.worse].better = index
    _file(s, key, index)
    s.active += 1
    return index


def ladder_remove(s: cython.pointer(Ladder), index: uint32_t) -> cython.void:
    """Take an empty level away."""
    level: cython.pointer(Level) = cython.address(s.levels[index])
    if level.better != 0:
        s.levels[level.better].worse = level.worse
    else:
        s.best = level.worse
    if level.worse != 0:
        s.levels[level.worse].better = level.better
    _unfile(s, cython.cast(uint64_t, level.price) ^ ND_SIGN)
    level.worse = s.free_level
    s.free_level = index
    s.active -= 1
