"""The systems that steer acts through; the file name is the kind.

A module has ``Config`` classes for the sections that it serves and a ``build_<port>`` for each of
the ports of ``core/steering.py`` that it offers (``build_fleet``, ``build_traffic``, ``build_cap``,
``build_jobs``, ``build_lease``), which do no I/O. Actuators never see each other, engine or steer.
"""
