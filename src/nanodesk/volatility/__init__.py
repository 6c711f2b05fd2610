"""Forecasts and estimates of volatility."""
