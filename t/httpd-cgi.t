#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# A program that the same process starts (CGI, mod_php's exec) inherits nothing of an answer on its
# way, nor of the database: it lists its descriptors.
use strict;
use warnings;
use FHIR::Test;
use FHIR::Test::System qw(unprivileged write_file);
use IO::Socket::INET;
use Test::More;

my $scripts = work_dir() . '/cgi';
mkdir $scripts;
write_file("$scripts/list", <<'CGI');
#!/bin/sh
echo 'Content-Type: text/plain'
echo
for fd in /proc/$$/fd/*; do echo "${fd##*/} $(readlink "$fd")"; done
CGI
chmod 0755, $scripts, "$scripts/list";
my $t = FHIR::Test->new(modules => [qw(alias cgi)], conf => <<"CONF");
ScriptAlias "/cgi/" "$scripts/"
<Directory "$scripts">
    Require all granted
</Directory>
CONF

my $size = 8 * 1024 * 1024;
$t->load({ resourceType => 'Binary', id => 'large', contentType => 'text/plain', data => 'QUJD' x ($size / 4) });
is($t->get('/dev/r4/Patient/none')->status, 404, 'a database connection is there');

# More than sockets hold: the rest of the answer waits in its file until this client reads on.
my $slow = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $t->httpd->{port});
print {$slow} "GET /dev/r4/Binary/large HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/fhir+json\r\n\r\n";
is(sysread($slow, my $beginning, 12), 12, 'an answer is on its way');
like($beginning, qr{^HTTP/1\.1 200}, '  with the resource');
my $files = () = grep { (readlink($_) // '') =~ /deleted/ } map { glob "/proc/$_/fd/*" } $t->children;
SKIP: {
    skip 'descriptors of httpd cannot be read', 1 if !-r '/proc/' . ($t->children)[0] . '/fd';
    cmp_ok($files, '>', 0, '  in a file');
}

my $listed = $t->get('/cgi/list');
is($listed->status, 200, 'a program lists what it has');
my %fd = map { /^(\d+) (.*)/ ? ($1 => $2) : () } split /\n/, $listed->body;
cmp_ok(scalar keys %fd, '>', 2, '  its own');
# Pipes are httpd's own, or those of what started it.
my @foreign = grep { $_ > 2 and $fd{$_} !~ m{^/proc/|/list$|^/dev/null(?: \(deleted\))?$|^pipe:|^$} } sort keys %fd;
is(join(', ', map {"$_: $fd{$_}"} @foreign), '', '  and no file, no socket of the server');
close $slow;

$t->done;
