"""The process that acts: moves groups between regions and caps what cannot move.

Apart from the exporter, with credentials, state, port and user of its own. Nothing that the
exporter runs may import this room. What it acts through implements the ports of
``core/steering.py``.
"""
