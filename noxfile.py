"""What is run again and again: `nox -s conformance -- --broker rabbitmq`, `nox -s tests`, lint."""

import os
import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "venv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "tests"]

GRACE = 30.0  # seconds for pytest to end its brokers and the record after Ctrl-C
KILLS = "100"  # what the suites do in 5 for every run, the soak does in this many
MEASURED = ("wire", "protocol", "storage")
# Most brokers speak AMQP alone, some memcached's text protocol, the reference both.
AMQP_SUITES = ["suites/amqp", "suites/durability", "suites/resilience", "suites/management"]
SUITES = {
    "reference": [*AMQP_SUITES, "suites/memcacheq"],
    "memcacheq": ["suites/memcacheq"],
    "memcached": ["suites/memcacheq"],
}
# A test as the README shows it, and a look at what else the wheel has brought.
APPLICATION = """
from importlib.metadata import files

import pika


def test_the_fixture(amqp_broker):
    with pika.BlockingConnection(pika.URLParameters(amqp_broker.url)) as connection:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True).method.queue
        channel.basic_publish("", queue, b"hello")
        assert channel.basic_get(queue)[2] == b"hello"


def test_nothing_else_is_in_the_wheel():
    tops = {file.parts[0] for file in files("mqproof")}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"reference_broker"}
"""
REPORTS = "reports/runs"
NPM = Path(".nox/npm")
ALLURE = "allure-commandline@2"
# Where the schemas of the formats that we write can be had from: CTRF's own library, and the source
# of pytest, whose tests carry that of Jenkins' JUnit reader.
CTRF = "ctrf@0.3.0"
JUNIT = "pytest==8.3.4"
PIP = {"PIP_DISABLE_PIP_VERSION_CHECK": "1"}


def install(session: nox.Session, *extras: str) -> None:
    """The project in place, with these extras."""
    session.install("--quiet", "--editable", f".[{','.join(extras)}]", env=PIP)


def run(session: nox.Session, *words: str) -> None:
    """A command that may take its time to clean up when it is interrupted."""
    session.run(*words, interrupt_timeout=GRACE, terminate_timeout=GRACE)


def has_path(arguments: list[str]) -> bool:
    """Whether one of pytest's arguments names tests itself."""
    return any(Path(argument.partition("::")[0]).exists() for argument in arguments)


def has_workers(arguments: list[str]) -> bool:
    """Whether pytest's arguments say how many workers there are."""
    return any(argument.startswith(("-n", "--numprocesses")) for argument in arguments)


def suites_for(arguments: list[str]) -> list[str]:
    """The suites that the broker under test can be judged by, from pytest's arguments."""
    words = " ".join(arguments).replace("=", " ").split()
    broker = words[words.index("--broker") + 1] if "--broker" in words[:-1] else "reference"
    return SUITES.get(broker.partition(":")[0], AMQP_SUITES)


@nox.session
def conformance(session: nox.Session) -> None:
    """Put a broker on trial: `-- --broker SPEC --requirement 'queue/*'`, and pytest's options."""
    install(session, "suites", "reports")
    arguments = session.posargs
    paths = [] if has_path(arguments) else suites_for(arguments)
    workers = [] if has_workers(arguments) else ["-n", "auto"]
    run(session, "pytest", "-q", "--progress", "--dist", "worksteal", *workers, *paths, *arguments)


@nox.session
def durability(session: nox.Session) -> None:
    """Kill a broker under load, a hundred times: `-- --broker rabbitmq --kills 30`."""
    install(session, "suites", "reports")
    arguments = session.posargs
    paths = [] if has_path(arguments) else ["suites/durability"]
    run(
        session, "pytest", "-q", "--progress", "--kills", KILLS, *paths, *arguments
    )  # theirs wins, being later


@nox.session
def answers(session: nox.Session) -> None:
    """Answer users' questions by experiments: `-- --broker reference --broker rabbitmq`."""
    install(session, "suites", "reports")
    run(session, "python", "-m", "suites.answers", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Put the suites on trial: the reference broker with one seeded bug at a time."""
    install(session, "suites", "reports")
    run(session, "python", "-m", "suites.mutants", *session.posargs)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Feed hostile input to the reference broker: `-- --frames 1000000 --seed 7`."""
    install(session, "suites", "reports")
    run(session, "python", "-m", "suites.fuzz", *session.posargs)


@nox.session
def twin(session: nox.Session) -> None:
    """Run generated programs on the reference and on real brokers: `-- --examples 2000`."""
    install(session, "suites", "reports")
    run(session, "python", "-m", "suites.stateful", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """Much of everything for long: `-- --minutes 10 --broker rabbitmq`, or `-- --quick`."""
    install(session, "suites", "reports")
    run(session, "python", "-m", "suites.soak", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Test the harness and the reference broker's parts, with branch coverage of its core."""
    install(session, "suites", "examples", "reports", "dev")
    arguments = session.posargs
    paths = [] if has_path(arguments) else ["suites/unit", "suites/examples"]
    workers = [] if has_workers(arguments) else ["-n", "auto"]
    session.run("coverage", "erase")
    run(session, "coverage", "run", "-m", "pytest", "-q", *workers, *paths, *arguments)
    session.run("coverage", "combine", "--quiet")
    measured = ",".join(f"reference_broker/{part}/*" for part in MEASURED)
    session.run("coverage", "report", f"--include={measured}")


@nox.session
def report(session: nox.Session) -> None:
    """Make everything of records, `-- RUN…`: matrix, claims, trend, documents, an index."""
    install(session, "reports")
    words = [*session.posargs, "--output", f"{REPORTS}/report"]
    run(session, "python", "-m", "reports", "report", *words)
    session.log(f"open {REPORTS}/report/index.html")


@nox.session
def allure(session: nox.Session) -> None:
    """Make Allure's report of records, `-- RUN…`; the report before it is its history."""
    program = shutil.which("allure", path=f"{NPM / 'node_modules/.bin'}:{os.environ['PATH']}")
    missing = [tool for tool in ("java", "npm") if shutil.which(tool) is None]
    if program is None and "npm" in missing:
        session.error("no allure: install Node (apt-get install nodejs npm), which brings it")
    if "java" in missing:
        session.error("allure runs on Java: install it (apt-get install default-jre-headless)")
    install(session, "reports")
    if program is None:
        session.run("npm", "install", "--prefix", str(NPM), ALLURE, external=True)
        program = str(NPM / "node_modules/.bin/allure")
    results, pages = f"{REPORTS}/allure-results", f"{REPORTS}/allure-report"
    run(session, "python", "-m", "reports", "allure", *session.posargs, "--output", results)
    if Path(pages, "history").is_dir():
        shutil.copytree(f"{pages}/history", f"{results}/history", dirs_exist_ok=True)
    session.run(program, "generate", "--clean", "-o", pages, results, external=True)
    session.log(f"open it: {program} open {pages}")


@nox.session
def pages(session: nox.Session) -> None:
    """Use all pages in a real browser; needs `apt-get install chromium`."""
    install(session, "suites", "reports", "pages")
    run(session, "pytest", "-q", *(session.posargs or ["suites/pages"]))


@nox.session
def schemas(session: nox.Session) -> None:
    """Hold our documents for other programs to the schemas of these; needs Node's npm."""
    if shutil.which("npm") is None:
        session.error("no npm: install Node (apt-get install nodejs npm), which brings it")
    install(session, "suites", "reports", "schemas")
    folder = session.create_tmp()
    session.run(
        "npm", "install", "--silent", "--ignore-scripts", "--prefix", folder, CTRF, external=True
    )
    source = ["--no-deps", "--no-binary", ":all:", "--dest", folder, JUNIT]
    session.run("python", "-m", "pip", "download", "--quiet", *source, env=PIP)
    shutil.unpack_archive(next(Path(folder).glob("pytest-*.tar.gz")), folder, filter="data")
    session.run("pytest", "-q", "suites/schemas", env={"SCHEMAS": folder})


@nox.session
def wheel(session: nox.Session) -> None:
    """Build the wheel, and use it as an application's tests would: alone, with pytest and pika."""
    folder = Path(session.create_tmp())
    session.install("--quiet", "build", env=PIP)
    session.run("python", "-m", "build", "--wheel", "--outdir", str(folder), silent=True)
    newest = max(folder.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    session.install("--quiet", "--force-reinstall", str(newest), "pytest", "pika", env=PIP)
    example = folder / "test_application.py"
    example.write_text(APPLICATION)
    (folder / "pytest.ini").write_text("[pytest]\n")
    session.chdir(folder)  # so that the checkout and its configuration are out of reach
    session.run("pytest", "-q", "--confcutdir=.", "-c", "pytest.ini", example.name)


@nox.session
def spec(session: nox.Session) -> None:
    """Account for every rule of the specification and every requirement; fails when one is not."""
    install(session, "suites", "reports")
    run(session, "python", "-m", "suites.rules", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the reference broker beside others: `-- --against rabbitmq --only 'relay-*'`."""
    install(session, "suites", "reports")
    run(session, "python", "-m", "suites.bench", *session.posargs)


@nox.session
def standins(session: nox.Session) -> None:
    """Measure what one test costs with each stand-in; needs `apt-get install rabbitmq-server`."""
    install(session, "standins")
    folder = "suites/bench/standins"
    run(session, "pytest", f"--confcutdir={folder}", "-c", f"{folder}/pytest.ini", folder)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, format, types, and the import law."""
    install(session, "suites", "reports", "pages", "schemas", "dev")
    session.run("ruff", "check", *session.posargs)
    session.run("ruff", "format", "--check", *session.posargs)
    session.run("mypy")
    session.run("lint-imports")
