"""The suites' pytest plugin: it only names its parts."""

pytest_plugins = [
    "suites.doctor.report",
    "suites.durability.crash",
    "suites.durability.endurance",
    "suites.durability.options",
    "suites.harness.applications",
    "suites.harness.collection",
    "suites.harness.fixtures",
    "suites.harness.judging",
    "suites.harness.operating",
    "suites.harness.progress",
    "suites.harness.recording",
    "suites.harness.allure",  # after what it imports
    "suites.harness.variants",  # before text_fixtures, which imports it
    "suites.harness.text_fixtures",
    "suites.harness.workers",
    "suites.resilience.ailing",
    "suites.resilience.fixtures",
    "suites.resilience.options",
]
