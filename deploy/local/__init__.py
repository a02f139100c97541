"""The whole system on one machine without containers: PostgreSQL, Kafka, an OIDC server and the four services.

Only this package knows that an embedded part exists; the rest is given `DATABASE_URL`, `KAFKA_BOOTSTRAP_SERVERS` and
`OIDC_ISSUER`, whoever runs what stands behind them.
"""
