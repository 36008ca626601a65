"""`/api/v1/scaling`: what the scaling policy measured, decided and set."""
