#!/usr/bin/env python3
"""Makes the password hashes and the export of Django that tests import, with the programs
themselves:

    python3 -m venv venv
    venv/bin/pip install django passlib 'bcrypt<4.1' argon2-cffi
    venv/bin/python tests/import/make_fixtures.py

It writes hashes.tsv and django.json beside itself. Salts are random, so every run writes other
files; the passwords stay the same."""

import base64
import hashlib
import io
import json
import os
import pathlib

import django
from django.conf import settings

HERE = pathlib.Path(__file__).parent
PASSWORD = "correct horse 마패"

settings.configure(
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    PASSWORD_HASHERS=[
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2SHA1PasswordHasher",
        "django.contrib.auth.hashers.Argon2PasswordHasher",
        "django.contrib.auth.hashers.BCryptSHA256PasswordHasher",
        "django.contrib.auth.hashers.BCryptPasswordHasher",
        "django.contrib.auth.hashers.ScryptPasswordHasher",
        "django.contrib.auth.hashers.MD5PasswordHasher",
    ],
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.hashers import get_hasher, make_password  # noqa: E402
from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from passlib import hash as passlib  # noqa: E402
from passlib.apps import phpass_context  # noqa: E402


def django_hashes():
    for name in ["pbkdf2_sha256", "pbkdf2_sha1", "argon2", "bcrypt_sha256", "bcrypt", "scrypt", "md5"]:
        yield f"django {name}", make_password(PASSWORD, hasher=name)
    fewer = get_hasher("pbkdf2_sha256").encode(PASSWORD, "oldsalt", iterations=10000)
    yield "django pbkdf2_sha256, fewer iterations", fewer


def passlib_hashes():
    for name in ["2a", "2b", "2y"]:
        yield f"passlib bcrypt {name}", passlib.bcrypt.using(rounds=5, ident=name).hash(PASSWORD)
    for kind in ["d", "i", "id"]:
        argon2 = passlib.argon2.using(type=kind, memory_cost=512, rounds=2, parallelism=2)
        yield f"passlib argon2{kind}", argon2.hash(PASSWORD)
    yield "passlib scrypt", passlib.scrypt.using(rounds=10).hash(PASSWORD)
    yield "passlib pbkdf2-sha1", passlib.pbkdf2_sha1.using(rounds=1000).hash(PASSWORD)
    yield "passlib pbkdf2-sha256", passlib.pbkdf2_sha256.using(rounds=1000).hash(PASSWORD)
    yield "passlib pbkdf2-sha512", passlib.pbkdf2_sha512.using(rounds=1000).hash(PASSWORD)
    yield "passlib ldap_salted_sha1", passlib.ldap_salted_sha1.hash(PASSWORD)
    yield "passlib ldap_salted_sha256", passlib.ldap_salted_sha256.hash(PASSWORD)
    yield "passlib ldap_salted_sha512", passlib.ldap_salted_sha512.hash(PASSWORD)
    yield "passlib phpass", passlib.phpass.using(rounds=8).hash(PASSWORD)
    yield "passlib phpass of phpBB", passlib.phpass.using(rounds=8, ident="H").hash(PASSWORD)
    assert phpass_context.verify(PASSWORD, passlib.phpass.using(rounds=8).hash(PASSWORD))


def spring_hashes():
    """Spring is written in Java: these follow the source of its encoders, with hashlib."""
    password = PASSWORD.encode()
    yield "spring bcrypt", "{bcrypt}" + passlib.bcrypt.using(rounds=5, ident="2a").hash(PASSWORD)
    salt = os.urandom(8)
    digest = salt + password
    for _ in range(1024):
        digest = hashlib.sha256(digest).digest()
    yield "spring sha256", "{sha256}" + (salt + digest).hex()
    old = hashlib.pbkdf2_hmac("sha1", password, salt, 185000, 32)
    yield "spring pbkdf2", "{pbkdf2}" + (salt + old).hex()
    salt = os.urandom(16)
    new = hashlib.pbkdf2_hmac("sha256", password, salt, 310000, 32)
    yield "spring pbkdf2 5.8", "{pbkdf2@SpringSecurity_v5_8}" + (salt + new).hex()
    new = hashlib.scrypt(password, salt=salt, n=1 << 12, r=8, p=1, dklen=32)
    encoded = [base64.b64encode(part).decode() for part in (salt, new)]
    parameters = f"{12 << 16 | 8 << 8 | 1:x}"
    yield "spring scrypt", "{scrypt}$" + "$".join([parameters, *encoded])


def write_hashes():
    lines = ["# Made by make_fixtures.py: program, password, hash"]
    for make in [django_hashes, passlib_hashes, spring_hashes]:
        lines += [f"{name}\t{PASSWORD}\t{text}" for name, text in make()]
    (HERE / "hashes.tsv").write_text("\n".join(lines) + "\n")


def write_django():
    call_command("migrate", verbosity=0)
    staff = Group.objects.create(name="staff")
    hana = User.objects.create_user("hana", "hana@example.com", PASSWORD)
    hana.first_name, hana.last_name = "Hana", "Kim"
    hana.groups.add(staff)
    hana.save()
    User.objects.create_user("gone", "gone@example.com", PASSWORD, is_active=False)
    User.objects.create_user("unusable", "unusable@example.com")
    old = User(username="old", email="old@example.com")
    old.password = make_password(PASSWORD, hasher="md5")
    old.save()
    out = io.StringIO()
    call_command("dumpdata", "auth.group", "auth.user", stdout=out, indent=1)
    json.loads(out.getvalue())
    (HERE / "django.json").write_text(out.getvalue())


write_hashes()
write_django()
