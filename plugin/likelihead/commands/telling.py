"""Mistakes of the user as one sentence on standard error and exit status 1; everything else as a traceback."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException

from likelihead.errors import LikelihoodError

Result = TypeVar("Result")


def fail(sentence: str) -> NoReturn:
    """Print the sentence on standard error and exit with status 1."""
    sys.stdout.flush()
    print(f"error: {sentence}", file=sys.stderr)
    raise SystemExit(1)


def telling(command: Callable[[Any], Result]) -> Callable[[Any], Result]:
    """A command that tells what the user can mend instead of raising it."""

    def told(config: Any) -> Result:
        try:
            return command(config)
        except LikelihoodError as error:
            fail(str(error))
        except MissingMandatoryValue as error:
            fail(f"{error.full_key} is missing: add {error.full_key}=…")
        except OmegaConfBaseException as error:
            fail(" ".join(str(error).split()))
        except Exception as error:
            if type(error).__name__ == "MisconfigurationException":
                fail(" ".join(str(error).split()))
            raise

    # Hydra names the job after the module of the function it is given.
    told.__module__, told.__name__, told.__doc__ = command.__module__, command.__name__, command.__doc__
    return told
