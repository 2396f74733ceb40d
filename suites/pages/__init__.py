"""The published pages, looked at in a real browser: Chromium, driven by Playwright."""
