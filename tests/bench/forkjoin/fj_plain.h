/* SPDX-License-Identifier: MIT */
/*
 * fj_plain.h - tasks that are plain functions: of all back ends but ours.
 */
#ifndef FJ_PLAIN_H
#define FJ_PLAIN_H

#define FJ_PARAMS_1(t, a) t a
#define FJ_PARAMS_2(t, a, ...) t a, FJ_PARAMS_1(__VA_ARGS__)
#define FJ_PARAMS_3(t, a, ...) t a, FJ_PARAMS_2(__VA_ARGS__)
#define FJ_PARAMS_4(t, a, ...) t a, FJ_PARAMS_3(__VA_ARGS__)
#define FJ_PARAMS_5(t, a, ...) t a, FJ_PARAMS_4(__VA_ARGS__)
#define FJ_PARAMS_6(t, a, ...) t a, FJ_PARAMS_5(__VA_ARGS__)
#define FJ_PARAMS_7(t, a, ...) t a, FJ_PARAMS_6(__VA_ARGS__)

#define FJ_TASK_1(type, name, ...) static type name(FJ_PARAMS_1(__VA_ARGS__))
#define FJ_TASK_2(type, name, ...) static type name(FJ_PARAMS_2(__VA_ARGS__))
#define FJ_TASK_3(type, name, ...) static type name(FJ_PARAMS_3(__VA_ARGS__))
#define FJ_TASK_4(type, name, ...) static type name(FJ_PARAMS_4(__VA_ARGS__))
#define FJ_VOID_TASK_2(name, ...) static void name(FJ_PARAMS_2(__VA_ARGS__))
#define FJ_VOID_TASK_3(name, ...) static void name(FJ_PARAMS_3(__VA_ARGS__))
#define FJ_VOID_TASK_5(name, ...) static void name(FJ_PARAMS_5(__VA_ARGS__))
#define FJ_VOID_TASK_6(name, ...) static void name(FJ_PARAMS_6(__VA_ARGS__))
#define FJ_VOID_TASK_7(name, ...) static void name(FJ_PARAMS_7(__VA_ARGS__))

#define FJ_CALL(name, ...) name(__VA_ARGS__)

#define FJ_LOOPS_TASK(name, type, arg) static void name(type arg)

#endif
