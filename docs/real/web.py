"""A shop's web service: FastAPI in front of a PostgreSQL that answers on a socket. What it serves is right, and slow."""

import os
import threading
import time

from fastapi import FastAPI
from sqlalchemy import ForeignKey, Index, create_engine, event, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

MENDED = "MENDED" in os.environ
engine = create_engine(os.environ["DATABASE"], pool_size=8)
app = FastAPI()


class Base(DeclarativeBase):
    pass


class Order(Base):
    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    day: Mapped[int] = mapped_column(index=True)
    items: Mapped[list["Item"]] = relationship()


class Item(Base):
    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    price: Mapped[int]


def set_up(orders=8_000):
    """Tables with 20 orders a day and five items in each."""
    Base.metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text(f"insert into orders select n, n / 20 from generate_series(0, {orders - 1}) n"))
        connection.execute(text(f"insert into items select n, n / 5, n % 97 from generate_series(0, {5 * orders - 1}) n"))
        if MENDED:
            Index("of_order", Item.order_id).create(connection)


@app.get("/orders/{day}")
def orders_of(day: int):
    which = select(Order).where(Order.day == day)
    if MENDED:
        which = which.options(selectinload(Order.items))  # one query for the items of all
    began = time.perf_counter()
    with Session(engine) as session:
        answer = [{"id": order.id, "total": total(order)} for order in session.scalars(which)]
    took.add("request", time.perf_counter() - began)
    return answer


def total(order):
    return sum(item.price for item in order.items)  # a query for each order


class Took:
    """The service's own clock: seconds within requests, and within the database of them."""

    def __init__(self):
        self.lock = threading.Lock()
        self.seconds = {"request": 0.0, "database": 0.0}
        self.requests = 0

    def add(self, what, seconds):
        with self.lock:
            self.seconds[what] += seconds
            self.requests += what == "request"


took = Took()


@event.listens_for(engine, "before_cursor_execute")
def query_begins(connection, cursor, statement, parameters, context, many):
    context.began = time.perf_counter()


@event.listens_for(engine, "after_cursor_execute")
def query_ends(connection, cursor, statement, parameters, context, many):
    took.add("database", time.perf_counter() - context.began)


@app.get("/took")
async def seconds():
    return {**took.seconds, "requests": took.requests}
# SPDX-License-Identifier: MIT
