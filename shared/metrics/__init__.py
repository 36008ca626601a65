"""What Prometheus scrapes (C18), from storage: whichever instance answers, it says the same.

`reading`: what is said. `gathering`: reads it from the stores. `families`: pure; writes it in
Prometheus' format. `service`: the entry point, with a cache that concurrent scrapes share.
"""
