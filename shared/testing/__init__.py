"""What tests of any service need: databases, a broker, a clock, tokens, a proxy that fails on demand, signals to wait on.

`shared.testing.plugin` is the pytest plugin. It takes the addresses of PostgreSQL and Kafka from the fixtures `postgres`
and `kafka`, which the test suite defines: nothing here knows how a server is started.
"""
