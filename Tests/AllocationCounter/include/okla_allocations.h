#ifndef OKLA_ALLOCATIONS_H
#define OKLA_ALLOCATIONS_H

/// How often the calling thread has asked for memory since it began. The program that links this has its own malloc, calloc, realloc and
/// the aligned ones, which count and hand on to glibc's.
long okla_allocations(void);

#endif
