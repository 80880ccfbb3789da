"""Messages to values and back; the only modules that know both.

``*_from_message`` checks lengths, enumerations and presence and raises ``Rejected`` (``MALFORMED``,
``OUT_OF_RANGE``); it judges nothing else: what a fill or a limit may contain is intake's to say, so
that one bad fill does not spoil its batch. ``*_to_message`` raises ``Rejected("OUT_OF_RANGE")`` for
a number that does not fit its field. Between the two every value survives unchanged.
"""
