"""A stand-in for Azure Service Bus: a broker model under a thin AMQP 1.0 wire."""
