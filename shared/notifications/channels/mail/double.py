"""The test double of SendGrid."""

from __future__ import annotations

from shared.notifications.double import Double, Reply

DOUBLE = Double(
    settings=lambda url: {
        "SENDGRID_API_KEY": "SG.k3y-hush",
        "SENDGRID_URL": url,
        "MAIL_FROM": "Belfry <belfry@example.com>",
        "SENDGRID_WEBHOOK_KEY": (
            "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRq"
            "e62gw+2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
        ),
    },
    path="/v3/mail/send",
    secret="SG.k3y-hush",
    well=Reply(202, "", {"X-Message-Id": "sg-1"}),
)
