from nanodesk.book.exchange import Exchange
from nanodesk.compat.published_events import Event

def faces(book: Exchange, first: int, last: int) -> list[Event]: ...
