# The records of a book and the numbers that stand for words.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

from nanodesk.book.kernels.journal cimport Journal
from nanodesk.book.kernels.ladder cimport Ladder

cdef extern from *:
    ctypedef long long int128 "__int128"

cdef extern from *:
    """
    #define ND_CHAIN_START 0xCBF29CE484222325ULL
    """
    uint64_t ND_CHAIN_START

cdef extern from "<stdint.h>":
    int64_t INT64_MAX
    int64_t INT64_MIN

cdef enum:
    BUY = 0
    SELL = 1

cdef enum:
    GTC = 0
    IOC = 1
    FOK = 2
    GTD = 3
    DAY = 4

cdef enum:
    ABSENT = 0
    WORKING = 1
    RESTING = 2
    PARKED = 3
    HELD = 4
    STOP_PENDING = 5
    FILLED = 6
    CANCELLED = 7
    STOP_TRIGGERED = 8
    STOP_CANCELLED = 9
    FORGOTTEN_ORDER = 10
    FORGOTTEN_STOP = 11

# Order.flags
cdef enum:
    ICEBERG = 1
    REDUCE_ONLY = 2
    LINKED = 4
    PEGGED = 8
    PARENT = 16
    POST_ONLY = 32
    OWNED = 64
    TOP = 128
    TENDER = 95
    # What the end of an order has to look at, beside its queue.
    HANGING = 31

cdef enum:
    STP_OFF = 0
    STP_NEWEST = 1
    STP_OLDEST = 2
    STP_BOTH = 3
    STP_DECREMENT = 4

cdef enum:
    CONTINUOUS = 0
    HALTED = 1
    AUCTION = 2

cdef enum:
    PRICE_TIME = 0
    PRO_RATA = 1
    SPLIT = 2

cdef enum:
    NO_REASON = 0
    REASON_HALTED = 1
    REASON_AUCTION = 2
    REASON_PRICE_BAND = 3
    REASON_REDUCE_ONLY = 4
    REASON_POST_ONLY = 5
    REASON_FOK = 6
    REASON_MIN_QUANTITY = 7

cdef enum:
    NO_ERROR = 0
    NOT_FOUND = 1
    NOT_ACTIVE = 2
    INVALID_QUANTITY = 3
    INVALID_PRICE = 4
    NOT_MODIFIABLE = 5
    MODIFY_HALTED = 6
    MODIFY_PRICE_BAND = 7
    MODIFY_REDUCE_ONLY = 8
    MODIFY_POST_ONLY = 9

cdef enum:
    STATUS_NEW = 0
    STATUS_PARTIAL = 1
    STATUS_FILLED = 2
    STATUS_CANCELLED = 3

cdef enum:
    NOTE_SELF_TRADE = 0
    NOTE_REDUCE_ONLY = 1
    NOTE_CONTINGENT = 2
    NOTE_EXPIRED = 3
    NOTE_AUCTION = 4
    NOTE_DROPPED = 5
    NOTE_TRIGGERED = 6
    NOTE_ACTIVATED = 7
    NOTE_REPRICED = 8
    NOTE_PARKED = 9
    NOTE_REJECTED = 10
    NOTE_CASCADE_LIMIT = 11

cdef enum:
    LINK_OCO = 0
    LINK_OUO = 1

cdef enum:
    TRAIL_NONE = 0
    TRAIL_FIXED = 1
    TRAIL_PERCENTAGE = 2
    TRAIL_SMA = 3
    TRAIL_WILDER = 4

# One order, stop or held leg, found by its id: what a match or a cancel touches. Half a cache line, so that half as much
# memory is in use while orders come and go. `policy` is the time in force and, times 16, the self-trade mode.
ctypedef struct Order:
    int64_t open
    int64_t next
    int64_t prev
    uint32_t level
    uint8_t side
    uint8_t policy
    uint8_t state
    uint8_t flags

# The other half of an order: written when it comes, read when somebody asks. `terms_of` finds it.
ctypedef struct Terms:
    int64_t price
    int64_t quantity
    int64_t timestamp
    uint32_t extra
    uint32_t owner

# What few orders have: beside the book, at Terms.extra.
ctypedef struct Extra:
    int64_t id
    int64_t display
    int64_t visible
    int64_t cut
    int64_t expire_ns
    int64_t limit_price
    int64_t peg_offset
    int64_t watermark
    int64_t trail_value
    int64_t trail_period
    int64_t trail_count
    int64_t trail_previous
    double trail_factor
    double trail_range
    int64_t twin
    int64_t group_next
    int64_t leg_profit
    int64_t leg_loss
    uint32_t group
    uint8_t has_limit
    uint8_t has_watermark
    uint8_t has_previous
    uint8_t trail_method
    uint8_t peg
    uint8_t link
    uint8_t is_loss_leg
    uint8_t marked
    uint8_t leg_link

ctypedef struct Trade:
    int64_t price
    int64_t quantity
    int64_t aggressor
    int64_t passive
    int64_t timestamp
    int64_t side

# Trades in memory: data[i] has id base_id + i; those before first_visible are cleared but still needed.
ctypedef struct TradeLog:
    Trade* data
    int64_t n
    int64_t capacity
    int64_t first_visible
    int64_t base_id

ctypedef struct Note:
    int64_t order_id
    int64_t quantity
    int64_t related_id
    int64_t kind

ctypedef struct Expiry:
    int64_t expire_ns
    int64_t id

ctypedef struct Position:
    int64_t quantity
    uint32_t owner
    uint32_t used

ctypedef struct IdList:
    int64_t* data
    int64_t n
    int64_t capacity

ctypedef struct Outcome:
    int64_t order_id
    int64_t filled
    int64_t resting
    int64_t cancelled
    int64_t first_trade
    int64_t n_trades
    int64_t old_id
    int64_t profit_id
    int64_t loss_id
    int64_t price
    uint8_t status
    uint8_t reason
    uint8_t error
    uint8_t success

# What a submission may ask for beside side, price, quantity, policy and owner.
ctypedef struct Options:
    int64_t display
    int64_t min_quantity
    int64_t expire_ns
    int64_t limit_price
    int64_t offset
    int64_t stop_price
    int64_t take_profit
    double trail_value
    int64_t trail_period
    int64_t ids_start
    int64_t ids_count
    uint8_t has_limit
    uint8_t trail_method
    uint8_t peg
    uint8_t link
    uint32_t unused

cdef enum:
    EVENT_LIMIT = 0
    EVENT_MARKET = 1
    EVENT_CANCEL = 2
    EVENT_MODIFY = 3
    EVENT_REDUCE = 4
    EVENT_STOP_MARKET = 5
    EVENT_STOP_LIMIT = 6
    EVENT_TRAIL_MARKET = 7
    EVENT_TRAIL_LIMIT = 8
    EVENT_PEGGED = 9
    EVENT_BRACKET = 10
    EVENT_LINK = 11
    EVENT_POSITION = 12
    EVENT_CLOCK = 13
    EVENT_SESSION_CLOSE = 14
    EVENT_BAND = 15
    EVENT_HALT = 16
    EVENT_RESUME = 17
    EVENT_START_AUCTION = 18
    EVENT_UNCROSS = 19

# Event.flags
cdef enum:
    HAS_OPTIONS = 1
    ASK_POST_ONLY = 2
    ASK_REDUCE_ONLY = 4
    HAS_LOW = 8
    HAS_HIGH = 16

ctypedef struct Book:
    Order** pages
    int64_t n_pages
    int64_t page_capacity
    int64_t capacity
    int64_t next_id
    int64_t next_timestamp
    int64_t next_trade_id
    int64_t last_price
    bint has_last
    int phase
    bint unusual
    int algorithm
    int64_t committed[2]
    Ladder ladders[2]
    Ladder stops[2]
    TradeLog* trades
    Journal journal
    bint logging
    Options* options
    int64_t n_options
    int64_t option_capacity
    Extra* extras
    uint32_t n_extras
    uint32_t extra_capacity
    uint32_t free_extra
    Note* notes
    int64_t n_notes
    int64_t note_capacity
    Expiry* expiries
    int64_t n_expiries
    int64_t expiry_capacity
    Position* positions
    int64_t n_positions
    int64_t position_capacity
    IdList trailing
    IdList pegs
    IdList filled_parents
    IdList marked
    IdList held
    IdList link_ids
    IdList scratch
    IdList shares
    int64_t n_pending_stops
    int64_t n_parents
    int64_t seen
    bint leftover
    int64_t history_at
    uint64_t* history
    int64_t n_history
    int64_t history_last
    bint has_history
    int64_t clock
    int64_t session_close
    int64_t band_low
    int64_t band_high
    int64_t tick
    int64_t lot
    bint allows_negative
    int64_t fifo_percent
    int64_t min_allocation
    bint top_order
    int64_t cascade_limit
    int64_t max_display_parts
    int64_t next_group
    uint64_t trade_chain
    int64_t chain_at
    int64_t acting_group

cdef enum:
    PAGE_SHIFT = 15
    PAGE_MASK = 32767
    PAGE_ORDERS = 32768
    BLOCK_ORDERS = 2048
    BLOCK_MASK = 30720

# A page is a row of blocks: 2 048 orders, then their terms. The terms lie at one distance from their orders.
cdef inline Order* order_at(Book* b, int64_t id) noexcept nogil:
    return b.pages[id >> PAGE_SHIFT] + ((id & PAGE_MASK) + (id & BLOCK_MASK))

cdef inline Terms* terms_of(Order* o) noexcept nogil:
    return <Terms*>(o + BLOCK_ORDERS)
