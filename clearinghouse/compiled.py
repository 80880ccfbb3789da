"""Machine code for the hot loops, with the same loops in plain Python wherever there is none.

::

    @inlined                                    # a part of kernels; from Python it is as it was
    def price_of(cash: int, quantity: int) -> int: ...

    @kernel(sample=lambda: (np.zeros(0, np.int64), 0))   # an entry point that Python calls
    def admit(cash: NDArray[np.int64], venue: int) -> int: ...

    warm_up()                                   # or warm_up_in_background(), at a server's start

A kernel is an ordinary callable that gives the same result at any time. Until ``warm_up`` has made
its machine code, and for ever on a machine without numba, a call runs the *reference*: the function
itself in the interpreter, or another one given as ``reference``. So a server answers from its first
second, and tests run both paths (``interpreted()`` keeps to the reference, ``Kernel.reference`` is
it).

What a kernel may assume and must keep to
-----------------------------------------
- ``sample`` returns arguments of the types it will be called with; they are only looked at, never
  used. Machine code is made for these types alone, and another type is a ``TypeError`` rather than
  seconds of compilation in a request: arrays must be contiguous and writable where the sample's
  are (``writable`` makes them so). A kernel without a sample is compiled for what it is called
  with, while its caller waits.
- It calls functions marked ``inlined``, NumPy and built-ins that numba knows; not other kernels.
- It holds no lock and needs none: the interpreter's lock is released while it runs, so nobody else
  may write its arrays meanwhile.
- Constants of its module are frozen into the code.

numba keeps the machine code in ``__pycache__`` beside the source, or in the user's cache directory
where that is read-only. Of itself it looks only at the kernel's file to see whether that is stale;
here it looks at the text of the kernel, of every part that it reaches and at the constants they use
(``source_stamp``), so that no edit anywhere leaves old code running.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import update_wrapper
from importlib import import_module
from types import CodeType, FunctionType
from typing import Any, Generic, ParamSpec, Protocol, TypeVar, overload

import numpy as np
import structlog
from numpy.typing import NDArray

log = structlog.get_logger()

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")
AnyFunction = TypeVar("AnyFunction", bound=Callable[..., Any])
Element = TypeVar("Element", bound=np.generic)
Sample = Callable[[], tuple[Any, ...]]


class Kernel(Generic[Parameters, Result]):
    """A function that runs as machine code once ``warm_up`` has made it."""

    def __init__(
        self,
        function: Callable[Parameters, Result],
        sample: Sample | None,
        reference: Callable[Parameters, Result] | None,
    ) -> None:
        self.function = function
        """What is compiled."""
        self.reference: Callable[Parameters, Result] = reference or function
        """What runs without machine code; the slow and readable truth."""
        self._sample = sample
        self._machine: Callable[..., Any] | None = None
        update_wrapper(self, function)

    @property
    def is_ready(self) -> bool:
        """Whether a call runs machine code now."""
        return self._machine is not None and not _registry.interpreting

    def __call__(self, *arguments: Parameters.args, **keywords: Parameters.kwargs) -> Result:
        """Run the machine code if there is any, else the reference."""
        if self._machine is None or _registry.interpreting:
            return self.reference(*arguments, **keywords)
        result: Result = self._machine(*arguments, **keywords)
        return result

    def compile(self) -> None:
        """Make the machine code, or load it from numba's cache."""
        if self._machine is not None:
            return
        machine = _dispatcher(self.function)
        if self._sample is not None:
            typeof = _numba().typeof
            machine.compile(tuple(typeof(argument) for argument in self._sample()))
            machine.disable_compile()
        self._machine = machine


class _Registry:
    """What the modules imported so far have marked; decorators fill it, ``warm_up`` reads it."""

    def __init__(self) -> None:
        self.kernels: list[Kernel[..., Any]] = []
        self.parts: dict[Callable[..., Any], bool] = {}
        """Whether numba knows the part already."""
        self.interpreting = False
        self.compiling = threading.Lock()


_registry = _Registry()


def inlined(function: AnyFunction) -> AnyFunction:
    """Mark a function as a part that kernels call; for the interpreter nothing changes."""
    _registry.parts[function] = False
    return function


class _Decorator(Protocol):
    def __call__(
        self, function: Callable[Parameters, Result], /
    ) -> Kernel[Parameters, Result]: ...  # pragma: no cover


@overload
def kernel(
    function: Callable[Parameters, Result], /
) -> Kernel[Parameters, Result]: ...  # pragma: no cover


@overload
def kernel(
    *, sample: Sample, reference: Callable[..., Any] | None = None
) -> _Decorator: ...  # pragma: no cover


def kernel(
    function: Callable[..., Any] | None = None,
    /,
    *,
    sample: Sample | None = None,
    reference: Callable[..., Any] | None = None,
) -> Any:
    """Make a function a kernel, with or without the types it is called with (see the module)."""

    def wrap(wrapped: Callable[..., Any]) -> Kernel[..., Any]:
        made = Kernel(wrapped, sample, reference)
        _registry.kernels.append(made)
        return made

    return wrap if function is None else wrap(function)


def warm_up() -> bool:
    """Make the machine code of every kernel imported so far; return whether there is any.

    Takes milliseconds a kernel when numba has it in its cache and seconds when not. Kernels of
    modules imported later need another call.
    """
    try:
        register_jitable = _numba(".extending").register_jitable
    except ImportError:
        return False
    with _registry.compiling:
        for part, is_known in list(_registry.parts.items()):
            if not is_known:
                register_jitable(part)
                _registry.parts[part] = True
        for each in list(_registry.kernels):
            if not threading.main_thread().is_alive():
                break  # the process ends: leave the rest
            each.compile()
    return True


def warm_up_in_background() -> threading.Thread:
    """Start ``warm_up`` in a thread; calls run the references until it is through."""

    def work() -> None:
        try:
            log.info("kernels_ready" if warm_up() else "kernels_interpreted")
        except Exception:
            # Whatever it is, the references go on working.
            log.exception("kernels_failed")

    thread = threading.Thread(target=work, name="warm-up")
    thread.start()
    return thread


def kernels_ready() -> bool:
    """Tell whether every kernel imported so far runs as machine code."""
    return all(each.is_ready for each in _registry.kernels)


@contextmanager
def interpreted() -> Iterator[None]:
    """Run references only, in all threads, while the context lasts; for tests and comparisons."""
    before, _registry.interpreting = _registry.interpreting, True
    try:
        yield
    finally:
        _registry.interpreting = before


def over_cores(work: Kernel[..., Any], count: int, grain: int, *arguments: Any) -> None:
    """Call ``work(start, stop, *arguments)`` on slices of ``range(count)``, on every core at once.

    The slices are ``grain`` long, taken as they come, and may run in any order, so each must write
    only what is its own. Threads live as long as the call: a hundred microseconds, which a grain
    should exceed, and in exchange there is no pool to share, to fork or to stop. (numba's own
    ``prange`` aborts the process when two threads use it at once.)

    Raises
    ------
    Exception
        The first that a slice raised; the others have then ended too.
    """
    starts = iter(range(0, count, grain))
    failures: list[BaseException] = []

    def take() -> None:
        try:
            for start in starts:
                work(start, min(start + grain, count), *arguments)
        except BaseException as failure:  # noqa: BLE001 raised again in the caller's thread
            failures.append(failure)

    helpers = min(_cores(), -(-count // grain)) - 1 if work.is_ready else 0
    threads = [threading.Thread(target=take, name="over-cores") for _ in range(helpers)]
    for thread in threads:
        thread.start()
    take()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def writable(array: NDArray[Element]) -> NDArray[Element]:
    """Return the array, or a copy where it is not contiguous or only to be read."""
    return np.require(array, requirements=["C", "W"])


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _dispatcher(function: Callable[..., Any]) -> Any:
    """Return numba's wrapper of a function, with a cache that is stale when a part has changed."""
    machine = _numba().njit(nogil=True)(function)
    try:
        cache = _numba(".core.caching").FunctionCache(function)
    except RuntimeError:
        log.warning("kernel_not_cached", kernel=function.__qualname__)
        return machine
    cache._cache_file._source_stamp = source_stamp(function)
    machine._cache = cache
    return machine


def source_stamp(function: Callable[..., Any]) -> bytes:
    """Return a digest of a function, of the parts it calls and of the constants they use."""
    digest = hashlib.sha256()
    reached, waiting = {function}, [function]
    while waiting:
        here = waiting.pop()
        digest.update(inspect.getsource(here).encode())
        for name in _names(here.__code__):
            value = here.__globals__.get(name)
            if isinstance(value, FunctionType):
                if value in _registry.parts and value not in reached:
                    reached.add(value)
                    waiting.append(value)
            elif isinstance(value, np.ndarray):
                digest.update(f"{name}={value.dtype}{value.shape}".encode() + value.tobytes())
            elif isinstance(value, int | float | str | tuple | np.generic | np.dtype):
                digest.update(f"{name}={value!r};".encode())
    return digest.digest()


def _names(code: CodeType) -> Iterator[str]:
    """Yield the global names of a function and of the comprehensions in it."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def _numba(module: str = "") -> Any:
    """Import numba late: it takes half a second, and may be missing."""
    return import_module(f"numba{module}")
