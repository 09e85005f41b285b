"""Webhook delivery retry: every event arrives at every endpoint that subscribed to it, and no receiver can hurt us or another."""

from econsent_jobs.webhook_delivery_retry.job import deliver_webhooks

__all__ = ["deliver_webhooks"]
