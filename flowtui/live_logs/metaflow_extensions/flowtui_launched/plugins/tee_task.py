"""The process of a task, and the signals from and to it."""

import _signal  # `signal` itself takes longer to import than all the rest.
import os

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
UNATTENDED = {
    # These cannot be caught.
    _signal.SIGKILL,
    _signal.SIGSTOP,
    # These are about this process itself.
    _signal.SIGSEGV,
    _signal.SIGBUS,
    _signal.SIGFPE,
    _signal.SIGILL,
    _signal.SIGTRAP,
    _signal.SIGTTIN,
    _signal.SIGTTOU,
}


class Task:
    """The process that runs the task, a child of this one.

    It stays in the process group it would be in without this program, which leaves that group: so
    a signal to the group (Ctrl-C) reaches it once, and one to this process is forwarded to it.
    `returned` is its wait status once it has ended.
    """

    def __init__(self, command, output, errors):
        self.returned = None
        self._wake_up, wake = os.pipe()
        os.set_blocking(self._wake_up, False)
        os.set_blocking(wake, False)
        signals = _catchable()
        before = _signal.pthread_sigmask(_signal.SIG_BLOCK, signals)
        inherited = {n: _signal.getsignal(n) for n in (_signal.SIGINT, _signal.SIGCHLD)}
        # While it is ignored, nobody learns how a child ended.
        _signal.signal(_signal.SIGCHLD, _noted)
        prctl = _prctl()
        launcher = os.getpid()
        try:
            self._pid = os.fork()
        except OSError:
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
            raise
        if not self._pid:
            # To end with this process, also where this one has no say in how it ends.
            prctl(PR_SET_PDEATHSIG, _signal.SIGKILL)
            if os.getppid() != launcher:
                os._exit(1)
            os.dup2(output, 1)
            os.dup2(errors, 2)
            for number, handler in inherited.items():
                ignored = handler == _signal.SIG_IGN
                _signal.signal(number, _signal.SIG_IGN if ignored else _signal.SIG_DFL)
            _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
            execute(command)
        try:
            os.setpgid(0, 0)
        except OSError:
            pass
        _signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
        for number in signals:
            if _signal.getsignal(number) != _signal.SIG_IGN:
                _signal.signal(number, _noted)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, set(before) - {_signal.SIGCHLD})

    def fileno(self):
        """Readable when there is a signal to attend to."""
        return self._wake_up

    def attend(self):
        """Forward the signals that came; gives whether one came for a task that has ended."""
        for number in os.read(self._wake_up, 512):
            if number == _signal.SIGCHLD:
                if self.returned is None:
                    pid, status = os.waitpid(self._pid, os.WNOHANG)
                    if pid:
                        self.returned = status
            elif self.returned is None:
                try:
                    os.kill(self._pid, number)
                except OSError:
                    # It has taken on another user's rights: then it is not this user's to signal.
                    pass
            else:
                return True
        return False

    def end_alike(self):
        """End this process as the task ended: with its exit code, or by the same signal."""
        if os.WIFSIGNALED(self.returned):
            number = os.WTERMSIG(self.returned)
            # The task has left a core file if any is wanted.
            _without_core()
            try:
                _signal.signal(number, _signal.SIG_DFL)
            except (OSError, ValueError):
                pass
            _signal.pthread_sigmask(_signal.SIG_UNBLOCK, [number])
            os.kill(os.getpid(), number)
            os._exit(128 + number)
        os._exit(os.WEXITSTATUS(self.returned))


def _noted(number, frame):
    """What a signal asks for is done by `Task.attend`; its number comes through a pipe."""


def _catchable():
    """The signals to attend to; those that Python ignores by itself are not."""
    ignored = (_signal.SIGPIPE, getattr(_signal, "SIGXFSZ", None))
    numbers = _signal.valid_signals() if hasattr(_signal, "valid_signals") else range(1, 32)
    return [n for n in numbers if n not in UNATTENDED and n not in ignored]


def _prctl():
    """`prctl` of Linux, elsewhere something that does nothing."""
    try:
        import _ctypes  # `ctypes` itself takes several times as long to import.

        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), "prctl")
        return lambda option, value: _ctypes.call_function(address, (option, int(value)))
    except (ImportError, OSError, AttributeError):
        return lambda option, value: None


def _without_core():
    _prctl()(PR_SET_DUMPABLE, 0)
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    except (ImportError, OSError, ValueError):
        pass


def execute(command):
    """Become the command; never returns."""
    # Python ignores these two, and what is ignored stays so in the next program.
    for name in ("SIGPIPE", "SIGXFSZ"):
        if hasattr(_signal, name):
            _signal.signal(getattr(_signal, name), _signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        os.write(2, ("%s: %s\n" % (command[0], os.strerror(error.errno))).encode())
    os._exit(127)
