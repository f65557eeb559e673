"""URLs of the bookshop."""

from __future__ import annotations

from django.urls import path

from books import views

app_name = "books"
urlpatterns = [
    path("", views.home, name="home"),
    path("books/", views.book_list, name="list"),
    path("books/<int:pk>/", views.book_detail, name="detail"),
    path("books/<int:pk>/keep/", views.keep, name="keep"),
    path("account/", views.Account.as_view(), name="account"),
    path("books/<int:pk>/stock/", views.stock, name="stock"),
    path("reading-list/", views.reading_list, name="reading-list"),
    path("catalog.csv", views.catalog, name="catalog"),
    path("sampler.txt", views.sampler, name="sampler"),
]
