"""An API on Django that tells whoever has a good token who they are. In a project of yours, copy the
decorator; the rest stands in its settings."""

import functools
import os
import sys

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse, JsonResponse
from django.urls import path

from verify import Refusal, Verifier

verifier = Verifier(os.environ["ISSUER"], os.environ["AUDIENCE"])


def with_token(scope="", acr=(), max_age=None):
    """A view that is called with the claims of a good token as `request.token`."""

    def decorate(view):
        @functools.wraps(view)
        def guarded(request, *arguments, **named):
            try:
                request.token = verifier.verify(request.headers.get("Authorization"))
                verifier.require(request.token, scope, acr, max_age)
            except Refusal as refusal:
                return HttpResponse(status=refusal.status, headers=refusal.headers)
            return view(request, *arguments, **named)

        return guarded

    return decorate


@with_token(scope=os.environ.get("SCOPE", ""))
def me(request):
    return JsonResponse({"sub": request.token["sub"]})


urlpatterns = [path("", me)]
settings.configure(ROOT_URLCONF=__name__, ALLOWED_HOSTS=["*"], SECRET_KEY="unused")
application = get_wsgi_application()

if __name__ == "__main__":
    sys.modules.setdefault("api", sys.modules[__name__])
    from wsgiref.simple_server import make_server

    host, port = os.environ.get("LISTEN", "127.0.0.1:9000").split(":")
    make_server(host, int(port), application).serve_forever()
