"""Full disks, in words."""

import contextlib
import errno
import shutil
import sys

#: No room, no more of it for this user, a disk that cannot be written, a folder that may not be.
REFUSED = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


@contextlib.contextmanager
def in_words(what, folder):
    """End with one paragraph where `what` cannot be written into `folder`."""
    try:
        yield
    except OSError as error:
        # Of several files that could not be copied, the first is enough.
        several = isinstance(error, shutil.Error)
        if not several and error.errno not in REFUSED:
            raise
        reason = error.args[0][0][2] if several else error
        sys.exit(
            f"{what} cannot be kept: {reason}. Expected room for it in {folder}. Make room, or "
            "choose another folder by BUILD=folder."
        )
