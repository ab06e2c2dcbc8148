"""Whose a series is: a key that is the same for all series of a patient, or who it is where that is asked for."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

from ...errors import CorruptFileError
from ...headers.data_set import UnusableAttribute, open_data_set
from ...headers.remnant import read_patient_id

if TYPE_CHECKING:
    from ...sources.file import File

_KEY_BYTES = 32
_PATIENT_ID, _PATIENT_NAME = 0x00100020, 0x00100010


class Patient(NamedTuple):
    """What an index says of the patient of a series."""

    key: str | None = None
    patient_id: str | None = None
    name: str | None = None


class Patients:
    """The way in which an index names patients.

    Attributes
    ----------
    mode : str
        Changes with the key, and with whether patients are named; it does not reveal the key.
    """

    def __init__(self, key: bytes | None) -> None:
        self._key = key
        self.mode = "identity" if key is None else hmac.digest(key, b"vtkdicomload", "sha256").hex()

    def describe(self, file: File) -> Patient:
        """Read whose a file is; nothing where it cannot be read."""
        with suppress(OSError, CorruptFileError):
            return self._name(file) if self._key is None else self._hide(file, self._key)
        return Patient()

    def _hide(self, file: File, key: bytes) -> Patient:
        patient_id = read_patient_id(file)
        return Patient(hmac.digest(key, patient_id, hashlib.sha256).hex() if patient_id else None)

    def _name(self, file: File) -> Patient:
        try:
            with open_data_set(file) as attributes:
                return Patient(None, attributes.text(_PATIENT_ID), attributes.text(_PATIENT_NAME))
        except UnusableAttribute:
            return Patient()


def settle_patients(index: str, *, identity: bool, key: str | bytes | None) -> Patients:
    """Settle how patients are named: by themselves, by the caller's key, or by the random one beside the index."""
    if identity and key is not None:
        raise ValueError("identity=True names the patients: patient_key= would not be used")
    if identity:
        return Patients(None)
    if key is None:
        return Patients(_read_or_make_key(f"{index}.key"))
    if not isinstance(key, (str, bytes)) or not key:
        raise ValueError(f"patient_key must be some text or bytes, not {type(key).__name__} of no length")
    return Patients(key.encode() if isinstance(key, str) else key)


def _read_or_make_key(path: str) -> bytes:
    """The key in a file, which is made for its owner alone where it does not exist."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except FileExistsError:
        with open(path, "rb") as file:
            key = file.read()
        if len(key) != _KEY_BYTES:
            raise ValueError(f"{path} has {len(key)} bytes, not the {_KEY_BYTES} of a key: is it one?") from None
        return key
    with os.fdopen(descriptor, "wb") as file:
        key = secrets.token_bytes(_KEY_BYTES)
        file.write(key)
    return key
