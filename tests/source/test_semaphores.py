"""The stand-in for multiprocessing's locks behaves as the real one does between threads."""

from __future__ import annotations

import threading

import pytest

from packager.source.semaphores import ThreadSemaphore


def test_a_lock_is_taken_once_and_given_back() -> None:
    lock = ThreadSemaphore(1, 1, 1)
    assert lock.acquire()
    assert not lock.acquire(block=False)
    assert not lock.acquire(timeout=0.01)
    lock.release()
    with lock as taken:
        assert taken
    with pytest.raises(ValueError, match="released too many times"):
        lock.release()


def test_a_recursive_lock_belongs_to_its_thread() -> None:
    lock = ThreadSemaphore(0, 1, 1)
    assert lock.acquire()
    assert lock.acquire()
    others: list[bool] = []
    thread = threading.Thread(target=lambda: others.append(lock.acquire(block=False)))
    thread.start()
    thread.join()
    assert others == [False]
    lock.release()
    assert lock._is_mine()
    lock.release()
    assert not lock._is_mine()
    with pytest.raises(AssertionError):
        lock.release()


def test_a_waiting_thread_goes_on_when_the_semaphore_is_released() -> None:
    semaphore = ThreadSemaphore(1, 0, 5)
    passed = threading.Event()
    thread = threading.Thread(target=lambda: (semaphore.acquire(), passed.set()))
    thread.start()
    assert not passed.wait(0.05)
    semaphore.release()
    assert passed.wait(5)
    thread.join()
